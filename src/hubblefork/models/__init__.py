"""All that is needed to answer: view, model file, calibration, and the `Predictor`."""
