"""The gRPC doors: servicers that check, call a route and answer, nothing else."""
