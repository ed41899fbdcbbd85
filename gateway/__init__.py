"""Assent: a gateway that joins customer data across companies, for the customers who agreed."""
