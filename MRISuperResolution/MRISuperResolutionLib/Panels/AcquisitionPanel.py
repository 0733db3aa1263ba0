"""How the scan was made: the fields that a statement needs, beside the choice of what is stated."""

from slicer.i18n import tr as _

from ..Scene.ParameterNode import Making
from .PanelState import PanelState
from .Suggestions import withinThickness

FIELDS = {
    "thicknessSpinBox": (Making.Slices,),
    "gapLabel": (Making.Slices,),
    "gapSpinBox": (Making.Slices,),
    "kspaceSpinBox": (Making.KSpace,),
    "blurSpinBox": (Making.Blurred,),
    "interpolationSpinBox": (Making.Interpolated, Making.Spline),
}
"""The fields, and for which statements each is seen."""

ALONG = ("alongRCheckBox", "alongACheckBox", "alongSCheckBox")


class AcquisitionPanel:
    """The gap between slices is no setting of its own: it is what the thickness leaves of the distance."""

    def __init__(self, ui) -> None:
        self._ui = ui
        self._parameters, self._apart = None, 1.0
        self._filling = False
        ui.gapSpinBox.valueChanged.connect(self._gapChanged)

    def show(self, state: PanelState) -> None:
        self._parameters = state.parameters
        self._apart = max(state.scan.spacing) if state.scan is not None else 1.0
        self._showFields(Making[state.parameters.making.name])
        self._filling = True
        self._ui.gapSpinBox.value = self._apart - state.parameters.thickness
        self._filling = False

    def forget(self) -> None:
        """Another module is shown, or the scene closes."""
        self._parameters = None

    def _showFields(self, making: Making) -> None:
        self._ui.makingWidget.visible = self._ui.makingFieldsLabel.visible = making is not Making.Unknown
        for name, makings in FIELDS.items():
            getattr(self._ui, name).visible = making in makings
        for name in ALONG:
            getattr(self._ui, name).visible = making.keepsVoxels
        self._ui.makingFieldsLabel.text = {
            Making.Slices: _("Thickness:"),
            Making.KSpace: _("Measured:"),
            Making.Blurred: _("Width:"),
        }.get(making, _("Factor:"))

    def _gapChanged(self, gap: float) -> None:
        if self._parameters is not None and not self._filling:
            self._parameters.thickness = withinThickness(self._apart - gap)
