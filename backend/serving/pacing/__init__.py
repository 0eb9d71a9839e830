"""Pacing: how a cap is spread over its time. `curve` says how much should be spent by when, `release` how much may be,
`controller` how much to bid and how often to take part so that it is."""
