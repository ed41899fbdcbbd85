"""What two parties sign before any exchange: cards, agreements, and their local binding.

Pure: keys come in as bytes, signatures as bytes or as a signing function, time
as an argument. A card says who a party is; an agreement says what two parties
allow; a binding says, on one side only, which columns answer for it.
"""
