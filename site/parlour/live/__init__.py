"""The line to each open page: who should hear of what, and the frames that tell them."""
