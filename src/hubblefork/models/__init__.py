"""Everything needed to predict: view, model file, calibration, and the `Predictor`."""
