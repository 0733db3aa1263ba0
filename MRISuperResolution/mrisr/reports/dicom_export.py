r"""A result as a derived DICOM series, beside the series it was made from: same patient, same study, same place, new identity.

Written with pydicom as MR Image Storage, one file a slice. It says of itself that it is derived (`ImageType DERIVED\SECONDARY`), by which
model, and that it is not for diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError
from ..image.itk import LPS_TO_RAS
from ..image.replacement import Replacement
from ..image.series import Choice, Series, series_of, series_of_files
from ..image.volume import Volume
from ..pipeline.provenance import STATEMENT, version
from ..progress import Monitor
from .belonging import check_belongs

if TYPE_CHECKING:
    from pydicom import Dataset

COMMENT = "AI-enhanced, not for diagnosis"

COPIED = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "PatientPosition",
    "BodyPartExamined",
    "Laterality",
    "AcquisitionDate",
    "AcquisitionTime",
    "Manufacturer",
    "ManufacturerModelName",
    "InstitutionName",
    "StationName",
    "MagneticFieldStrength",
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "MRAcquisitionType",
    "SequenceName",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "EchoTrainLength",
    "ImagingFrequency",
    "ImagedNucleus",
    "ProtocolName",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)
"""What a derived image shares with its source: patient, study, frame of reference, and how the scan was made."""

EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "Manufacturer",
    "PositionReferenceIndicator",
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "MRAcquisitionType",
    "EchoTime",
    "EchoTrainLength",
    "RepetitionTime",
)
"""What the standard wants to be there, empty if need be."""

SERIES_OFFSET = 9000
"""Added to the source's series number, so that the derived series sorts after the scanner's."""


@dataclass(frozen=True)
class Exported:
    """A series that was written.

    Args:
        folder, files: where, and how many.
        series_uid, description: what it is called.
    """

    folder: Path
    files: int
    series_uid: str
    description: str


def export_dicom(
    result: Volume,
    source: str | Path | Sequence[Path],
    folder: str | Path,
    provenance: dict[str, Any] | None = None,
    monitor: Monitor | None = None,
    *,
    choice: Choice | None = None,
) -> Exported:
    """Write a result as a derived series. The folder gets its name when all slices are in it.

    Args:
        result: the enhanced scan; its third axis becomes the slices.
        source: the DICOM series that was enhanced: its folder, one of its files, or all of them.
        folder: where to write; it must not hold anything yet.
        provenance: of the result, for the model's name and version, and for what it was made from.
        monitor: told of progress, asked for cancellation.
        choice: of several series or volumes in `source`.

    Raises:
        FileError: there is no series in `source`, `folder` is not empty, or it cannot be written.
        InputError: there are several series in `source`, or the result was made from another one or does not lie on it.
    """
    import pydicom
    from pydicom.uid import generate_uid

    monitor, record, choice = monitor or Monitor(), provenance or {}, choice or Choice()
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(
            f"{folder} holds something already; name an empty folder, so that no series are mixed."
        )
    series = _series(source, choice)
    first = check_belongs(result, series, record, choice.frames)
    common = _common(pydicom.dcmread(first.file, stop_before_pixels=True), record, str(generate_uid()))
    stored, slope, intercept = _stored(result.array)
    count = result.shape[2]
    with Replacement() as files:
        partial = files.folder(folder.resolve())
        for k in range(count):
            monitor.step("writing", k, count)
            save_as(
                _slice(common, result, stored[:, :, k], k, (slope, intercept)), partial / f"IM{k + 1:05d}.dcm"
            )
    monitor.progress("writing", count, count)
    return Exported(folder, count, str(common.SeriesInstanceUID), str(common.SeriesDescription))


def _series(source: str | Path | Sequence[Path], choice: Choice) -> Series:
    if not isinstance(source, str | Path):
        return series_of_files(source)
    source = Path(source)
    if not source.exists():
        raise FileError(f"{source} holds no DICOM series; name the folder of the scan that was enhanced.")
    return series_of(source, choice.series)


def _common(header: Dataset, record: dict[str, Any], series: str) -> Dataset:
    """What all slices share."""
    from pydicom import Dataset
    from pydicom.uid import MRImageStorage, generate_uid

    new, now = Dataset(), datetime.now(UTC).astimezone()
    for keyword in COPIED:
        if keyword in header:
            new[keyword] = header[keyword]
    for keyword in EMPTY:
        if keyword not in new:
            setattr(new, keyword, None)
    model = str(record.get("model", "an unnamed model"))
    title = f"{header.get('SeriesDescription') or 'MR'} SR {model}"
    new.SOPClassUID, new.SeriesInstanceUID, new.Modality = MRImageStorage, series, "MR"
    new.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    # The name of the model must survive: a long description of the source gives way.
    new.SeriesDescription = title if len(title) <= 64 else f"SR {model}"[:64]
    new.SeriesNumber = int(header.get("SeriesNumber") or 0) + SERIES_OFFSET
    new.ImageComments = f"{COMMENT}. {STATEMENT}"
    new.DerivationDescription = (
        f"Super-resolution by mrisr {version()}, model {model} {record.get('model_version', '')}".strip()[
            :1024
        ]
    )
    new.SoftwareVersions = f"mrisr {version()}"[:64]
    new.ContentDate = new.SeriesDate = new.InstanceCreationDate = now.strftime("%Y%m%d")
    new.ContentTime = new.SeriesTime = new.InstanceCreationTime = now.strftime("%H%M%S")
    new.BurnedInAnnotation, new.LossyImageCompression = "NO", "00"
    if "FrameOfReferenceUID" not in new:
        new.FrameOfReferenceUID = generate_uid()
    return new


def _stored(array: NDArray[Any]) -> tuple[NDArray[np.uint16], float, float]:
    """Voxels as 16 bits, and the slope and intercept that give them back; whole units where the range allows it."""
    low, high = float(array.min()), float(array.max())
    if 0 < low <= high - low:  # 0 stays 0, unless that would cost the digits of values far from it
        low = 0.0
    if 1000 <= np.ceil(high) - np.floor(low) <= 65535:
        low, slope = float(np.floor(low)), 1.0
    else:
        slope = (high - low or 1.0) / 65535
    # Decimal strings have 16 characters: what is stored is what is used.
    low, slope = float(_decimal(low)), float(_decimal(slope))
    return np.clip(np.rint((array.astype(np.float64) - low) / slope), 0, 65535).astype(np.uint16), slope, low


def _slice(
    common: Dataset, result: Volume, pixels: NDArray[np.uint16], k: int, scaling: tuple[float, float]
) -> Dataset:
    """One slice, columns along the volume's first axis and rows along its second."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    new = Dataset()
    new.update(common)
    lps = LPS_TO_RAS @ result.affine
    spacing, directions = result.spacing, lps[:3, :3] / np.array(result.spacing)
    new.SOPInstanceUID, new.InstanceNumber = generate_uid(), k + 1
    new.ImagePositionPatient = [_decimal(v) for v in lps[:3, 3] + k * lps[:3, 2]]
    new.ImageOrientationPatient = [_decimal(v) for v in (*directions[:, 0], *directions[:, 1])]
    new.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
    new.SliceThickness = new.SpacingBetweenSlices = _decimal(spacing[2])
    new.Columns, new.Rows = pixels.shape
    new.SamplesPerPixel, new.PhotometricInterpretation, new.PixelRepresentation = 1, "MONOCHROME2", 0
    new.BitsAllocated, new.BitsStored, new.HighBit = 16, 16, 15
    new.RescaleSlope, new.RescaleIntercept, new.RescaleType = _decimal(scaling[0]), _decimal(scaling[1]), "US"
    top = float(np.percentile(result.array[:: max(1, result.shape[0] // 64)], 99.5))
    new.WindowCenter, new.WindowWidth = _decimal(top / 2), _decimal(max(top, 1e-6))
    new.PixelData = np.ascontiguousarray(pixels.T).tobytes()
    new.file_meta = FileMetaDataset()
    new.file_meta.MediaStorageSOPClassUID, new.file_meta.MediaStorageSOPInstanceUID = (
        new.SOPClassUID,
        new.SOPInstanceUID,
    )
    new.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return new


def save_as(dataset: Dataset, path: Path) -> None:
    """Write a DICOM file with its preamble and meta information, as pydicom 3 and the 2.4 of Slicer 5.10 want to be asked."""
    import pydicom

    if int(pydicom.__version__.partition(".")[0]) >= 3:
        dataset.save_as(path, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)


def _decimal(value: float) -> str:
    """A number as a DICOM decimal string of at most 16 characters."""
    text = f"{value:.10g}"
    return text if len(text) <= 16 else f"{value:.8e}"
