"""The ``SampleData`` module: registration, and what its panel and its functions do with a sample. Nothing is ever downloaded."""

import logging
from types import ModuleType


class SampleDataSource:
    """A text counts as a list of one; each list must have one entry for each address."""

    def __init__(self, sampleName=None, sampleDescription=None, uris=None, fileNames=None, nodeNames=None, checksums=None,
                 loadFiles=None, customDownloader=None, thumbnailFileName=None, loadFileTypes=None, loadFileProperties=None) -> None:
        lists = {"fileNames": fileNames, "nodeNames": nodeNames, "loadFiles": loadFiles, "loadFileTypes": loadFileTypes,
                 "checksums": checksums}
        if isinstance(uris, str):
            uris, lists = [uris], {name: [value] for name, value in lists.items()}
        elif isinstance(uris, list | tuple):
            lists = {name: [None] * len(uris) if value is None and name != "fileNames" else value for name, value in lists.items()}
        if any(len(value) != len(uris) for value in lists.values()):
            raise ValueError(f"All fields of sample data source must have the same length: {uris}, {lists}")
        self.__dict__.update(lists)
        self.sampleName, self.sampleDescription, self.uris = sampleName, sampleDescription or sampleName, uris
        self.customDownloader, self.thumbnailFileName = customDownloader, thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}


class SampleDataLogic:
    """That of Slicer 5.10, which knows no categories beside those of its sources."""

    categories: dict[str, str] = {}
    sources: dict[str, SampleDataSource] = {}

    @staticmethod
    def registerCustomSampleDataSource(
            category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None, customDownloader=None,
            thumbnailFileName=None, loadFileTypes=None, loadFiles=None, loadFileProperties=None, checksums=None) -> None:
        SampleDataLogic.sources[sampleName] = SampleDataSource(
            sampleName=sampleName, uris=uris, fileNames=fileNames, nodeNames=nodeNames, customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName, loadFileTypes=loadFileTypes, loadFiles=loadFiles,
            loadFileProperties=loadFileProperties, checksums=checksums)

    def downloadMRHead(self):
        return self.downloadSample("MRHead")

    def downloadSample(self, sampleName: str):
        """The first node of a sample; an IndexError if there is none."""
        return self.downloadSamples(sampleName)[0]

    def downloadSamples(self, sampleName: str) -> list:
        """Goes to the addresses of a sample, never to its own downloader: that is for the button. There is no way out of here."""
        source = self.sources.get(sampleName)
        for uri in source.uris if source is not None else [sampleName]:
            logging.error("Download of '%s' failed", uri)
        return []


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
