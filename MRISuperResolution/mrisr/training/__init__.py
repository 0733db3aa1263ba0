"""The training pipeline that the network families share: configuration, loop, checkpoints, validation, report, export."""
