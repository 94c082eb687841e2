"""Topics fed with real data at a lively pace, for a first look.

readings    the data files as endless records
feeder      stores them, each topic at its pace
"""

from tailrace.demo.feeder import feed
from tailrace.demo.readings import TOPICS

__all__ = ["TOPICS", "feed"]
