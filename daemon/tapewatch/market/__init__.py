"""What the market sends and when it trades: ticks, bars, timeframes, sessions. No I/O, no clock."""
