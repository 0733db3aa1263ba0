"""The ``SampleData`` module: registration, and making a sample whose source has its own maker."""

from types import ModuleType


class SampleDataSource:
    """A text counts as a list of one; each list must have one entry for each address."""

    def __init__(
        self,
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
    ) -> None:
        if isinstance(uris, str):
            uris, fileNames, nodeNames = [uris], [fileNames], [nodeNames]
        elif isinstance(uris, list | tuple) and nodeNames is None:
            nodeNames = [None] * len(uris)
        if not len(uris) == len(fileNames) == len(nodeNames):
            raise ValueError(
                f"All fields of sample data source must have the same length: {uris}, {fileNames}, {nodeNames}"
            )
        self.sampleName, self.uris, self.fileNames, self.nodeNames = sampleName, uris, fileNames, nodeNames
        self.customDownloader, self.thumbnailFileName = customDownloader, thumbnailFileName


class SampleDataLogic:
    """That of Slicer 5.10, which knows no categories beside those of its sources."""

    categories: dict[str, str] = {}
    sources: dict[str, SampleDataSource] = {}

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ) -> None:
        SampleDataLogic.sources[sampleName] = SampleDataSource(
            sampleName, uris, fileNames, nodeNames, customDownloader, thumbnailFileName
        )

    def downloadMRHead(self):
        """There is no way out of here."""
        raise OSError("MRHead could not be downloaded")


class SampleDataLogic512(SampleDataLogic):
    """That of Slicer 5.12."""

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        SampleDataLogic.categories[category] = title


def click(sampleName: str):
    """Press a sample's button in the panel of the Sample Data module: what its own downloader makes."""
    source = SampleDataLogic.sources[sampleName]
    return source.customDownloader(source)


def build(version: str) -> ModuleType:
    module = ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic if version == "5.10" else SampleDataLogic512
    module.SampleDataSource = SampleDataSource
    return module
