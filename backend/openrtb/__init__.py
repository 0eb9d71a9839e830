"""Selling and buying by OpenRTB 2.6 (IAB Tech Lab): bids for other exchanges, and bids of others for our surfaces."""
