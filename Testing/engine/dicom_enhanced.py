"""Enhanced MR files: all slices as frames of one file, described by functional groups."""

from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

from mrisr.image.itk import LPS_TO_RAS
from mrisr.reports.dicom_export import save_as


@dataclass
class Frame:
    """Values (i, j), their affine's slice k, and what else its functional groups say: {sequence: {keyword: value}}."""

    values: np.ndarray
    k: float
    slope: float = 1.0
    place: int | None = None
    says: dict = field(default_factory=dict)


def frames_of(volume, says=None, first=0):
    """The slices of a volume as frames, in order, numbered within their stack."""
    return [
        Frame(volume.array[:, :, k], k, place=k + 1, says=says or {}) for k in range(first, volume.shape[2])
    ]


def one(**items):
    dataset = Dataset()
    for keyword, value in items.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def write_enhanced(path, frames, affine, **tags):
    """Write the file; `affine` (RAS) places slice 0, and says where the others lie."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lps, spacing = LPS_TO_RAS @ affine, np.linalg.norm(affine[:3, :3], axis=0)
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = EnhancedMRImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
    file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = "1.2.1", "1.2.2", "1.2.3"
    file.PatientName, file.PatientID, file.Modality, file.SeriesNumber = "Doe^Jane", "4711", "MR", 3
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 16, 15
    file.Columns, file.Rows = frames[0].values.shape
    file.NumberOfFrames = len(frames)
    shared = Dataset()
    shared.PixelMeasuresSequence = one(
        PixelSpacing=[str(spacing[1]), str(spacing[0])], SliceThickness=str(spacing[2])
    )
    shared.PlaneOrientationSequence = one(
        ImageOrientationPatient=[f"{v:.10g}" for v in (lps[:3, :2] / spacing[:2]).T.ravel()]
    )
    file.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for frame in frames:
        group = Dataset()
        group.PlanePositionSequence = one(
            ImagePositionPatient=[f"{v:.8g}" for v in lps[:3, 3] + frame.k * lps[:3, 2]]
        )
        group.PixelValueTransformationSequence = one(
            RescaleSlope=str(frame.slope), RescaleIntercept="0", RescaleType="US"
        )
        content = {} if frame.place is None else {"InStackPositionNumber": frame.place}
        for sequence, items in {"FrameContentSequence": content, **frame.says}.items():
            together = {**content, **items} if sequence == "FrameContentSequence" else items
            setattr(group, sequence, one(**together))
        groups.append(group)
    file.PerFrameFunctionalGroupsSequence = Sequence(groups)
    file.PixelData = b"".join(
        np.ascontiguousarray(np.rint(frame.values / frame.slope).T.astype("<u2")).tobytes()
        for frame in frames
    )
    for keyword, value in tags.items():
        setattr(file, keyword, value)
    save_as(file, path)
    return path
