"""Why a network answers as it does, as numbers, arrays and tables; `report` draws them."""
