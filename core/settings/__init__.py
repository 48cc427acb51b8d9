"""What a run is made of: configs that cannot hold what cannot be, and good values for them."""
