"""How does a scan become an enhanced volume? The one road, the plan and the proposal before it, the record after it."""
