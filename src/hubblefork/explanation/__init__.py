"""Explanations of predictions as numbers, arrays and tables; `report` draws them."""
