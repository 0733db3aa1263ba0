"""How the scan was made: the fields that a statement needs, beside the choice of what is stated."""

from slicer.i18n import tr as _

from mrisr.errors import InputError

from ..Scene.Acquisition import AXES, statementOf
from ..Scene.ParameterNode import Making
from ..Scene.ScanInfo import ScanInfo

FIELDS = {
    "thicknessSpinBox": (Making.Slices,), "gapLabel": (Making.Slices,), "gapSpinBox": (Making.Slices,),
    "kspaceSpinBox": (Making.KSpace,), "blurSpinBox": (Making.Blurred,),
    "interpolationSpinBox": (Making.Interpolated, Making.Spline),
}
"""The fields, and for which statements each is seen."""

ALONG = ("alongRCheckBox", "alongACheckBox", "alongSCheckBox")


class AcquisitionPanel:
    """The gap between slices is no setting of its own: it is what the thickness leaves of the distance."""

    def __init__(self, ui) -> None:
        self._ui = ui
        self._parameters, self._apart, self._stated = None, 1.0, None
        self._filling = False
        self.statement: str | None = None
        self.refusal = ""
        ui.gapSpinBox.valueChanged.connect(self._gapChanged)

    def suggest(self, parameters, scan: ScanInfo) -> None:
        """A newly chosen scan: nothing is stated, and the fields are filled with what is usual."""
        parameters.making = Making.Unknown
        thickness = scan.dicom.sliceThickness or max(scan.spacing)
        parameters.thickness = min(50.0, max(0.05, round(thickness, 3)))

    def show(self, parameters, scan: ScanInfo | None) -> bool:
        """Bring the fields up to date; whether something else is stated than before."""
        self._parameters = parameters
        making = Making[parameters.making.name]
        changed = self._stated not in (None, making)
        if changed and making.keepsVoxels:
            self._nameDirections(parameters, making, scan)
        self._stated = making
        self._apart = max(scan.spacing) if scan is not None else 1.0
        self._showFields(making)
        self._filling = True
        self._ui.gapSpinBox.value = self._apart - parameters.thickness
        self._filling = False
        self._readStatement(parameters)
        return changed

    def forget(self) -> None:
        """Another module is shown, or the scene closes."""
        self._parameters, self._stated = None, None

    def _readStatement(self, parameters) -> None:
        self.statement, self.refusal = None, ""
        try:
            self.statement = statementOf(parameters)
        except InputError as error:
            self.refusal = str(error)

    def _showFields(self, making: Making) -> None:
        self._ui.makingWidget.visible = self._ui.makingFieldsLabel.visible = making is not Making.Unknown
        for name, makings in FIELDS.items():
            getattr(self._ui, name).visible = making in makings
        for name in ALONG:
            getattr(self._ui, name).visible = making.keepsVoxels
        self._ui.makingFieldsLabel.text = {
            Making.Slices: _("Thickness:"), Making.KSpace: _("Measured:"), Making.Blurred: _("Width:"),
        }.get(making, _("Factor:"))

    @staticmethod
    def _nameDirections(parameters, making: Making, scan: ScanInfo | None) -> None:
        """What is usual: k-space is cut within the slices, or, of an isotropic scan, in all directions but head–foot; the rest in all."""
        across = scan.directions[scan.poorAxis][0] if scan is not None and scan.poorAxis is not None else "S"
        for name, letter in AXES:
            setattr(parameters, name, making is not Making.KSpace or letter != across)

    def _gapChanged(self, gap: float) -> None:
        if self._parameters is not None and not self._filling:
            self._parameters.thickness = min(50.0, max(0.05, round(self._apart - gap, 3)))
