"""The compiled market: line items as columns and bitsets, so that a decision looks at nobody it need not look at.

`eligibility.py` says what is allowed; this says the same of all line items at once, and tests compare the two.
"""
