"""From messages to the gateway's types and back, one module per noun.

`x_from_proto` parses strictly, once, and names the first bad field by its path
in a RequestError BAD_FIELD; inside, nothing is validated again. `x_to_proto`
cannot fail.
"""
