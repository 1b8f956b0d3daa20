"""What ops needs: logging, calendar jobs."""
