"""The ``SampleData`` module: registration, and making a sample whose source has its own maker."""

from types import ModuleType, SimpleNamespace


class SampleDataLogic:
    categories: list[str] = []
    sources: dict[str, SimpleNamespace] = {}

    @staticmethod
    def registerCustomSampleDataCategory(category: str) -> None:
        SampleDataLogic.categories.append(category)

    @staticmethod
    def registerCustomSampleDataSource(
            category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None, customDownloader=None,
            thumbnailFileName=None, loadFileTypes=None, loadFiles=None, loadFileProperties=None, checksums=None) -> None:
        SampleDataLogic.sources[sampleName] = SimpleNamespace(
            category=category, sampleName=sampleName, uris=uris, customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName)

    def downloadSample(self, name: str):
        source = self.sources[name]
        return source.customDownloader(source)


def build() -> ModuleType:
    module = ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    return module
