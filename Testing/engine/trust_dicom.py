"""A DICOM series to begin with, written with pydicom."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from mrisr.image.itk import LPS_TO_RAS
from mrisr.reports.dicom_export import save_as


def write_series(volume, folder, change=lambda _slice, _k: None, **tags):
    """The volume as a series of MR images of a made-up patient; `change` is called with each slice's dataset and number."""
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS_TO_RAS @ volume.affine
    study, series, frame = (generate_uid() for _ in range(3))
    for k in range(volume.shape[2]):
        slice_ = Dataset()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = MRImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid()
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.PatientName, slice_.PatientID, slice_.PatientBirthDate = "Doe^Jane", "4711", "19700101"
        slice_.StudyDate, slice_.StudyDescription, slice_.AccessionNumber = "20240102", "Head", "A1"
        slice_.SeriesDescription, slice_.SeriesNumber, slice_.InstanceNumber = "t1_mprage", 3, k + 1
        slice_.Modality, slice_.ImageType, slice_.MagneticFieldStrength = (
            "MR",
            ["ORIGINAL", "PRIMARY", "M"],
            "3",
        )
        slice_.ImagePositionPatient = [f"{v:.8g}" for v in lps[:3, 3] + k * lps[:3, 2]]
        directions = lps[:3, :3] / np.array(volume.spacing)
        slice_.ImageOrientationPatient = [f"{v:.10g}" for v in (*directions[:, 0], *directions[:, 1])]
        slice_.PixelSpacing = [str(volume.spacing[1]), str(volume.spacing[0])]
        slice_.SliceThickness = str(volume.spacing[2])
        slice_.Columns, slice_.Rows = volume.shape[:2]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation, slice_.PixelRepresentation = (
            1,
            "MONOCHROME2",
            0,
        )
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
        slice_.PixelData = np.ascontiguousarray(
            np.clip(volume.array[:, :, k].T, 0, None).astype(np.uint16)
        ).tobytes()
        for keyword, value in tags.items():
            setattr(slice_, keyword, value)
        change(slice_, k)
        save_as(slice_, folder / f"{k:03d}.dcm")
