"""How far a result can be believed: against the scan itself, against other models, against a reference, and written down.

    noise            how strong the scan's noise is
    spectrum         how fine the scan really is, whatever its voxels say
    verdict          the result, scanned again, against the scan: green, amber or red
    spread           how much the result changes when the scan is flipped or the seed is another
    spread_verdict   whether that is much in a region somebody looks at
    guard_rails      what to know before running a model on this scan
    own              which model is best on this very scan
    reference        the result against a good scan of the same subject
    report           all of it on one page
    dicom_export     the result as a derived DICOM series
    tasks            the same for the GUI's child process

Nothing here is imported by name from this package: `from mrisr.trust.own import try_on`.
"""
