"""Cascade as two symmetric halves that advance in lock-step.

Both parties run the same public schedule; the only data that pass between them are
parities. In each round of a batch of frames both send one bit vector, my parities of a
list of ranges that both derive from what is public, and both learn from the difference
of the two vectors which ranges hold an odd number of errors. Positions are never sent:
both follow them.

The schedule, exact enough to write another party from:

* Frames. The string is cut into frames of L bits (`frame_length`); the last is filled
  up with zeros. Some frames at a time are a batch (`qkdlab.link.cascade`), with rounds
  of its own. The questions of a round are those of its frame 0, then frame 1, ...
* Passes. Pass p reads a frame in a public order (`public_order`), the same for all
  frames, in blocks of `Schedule.block_sizes[p]` places; the last may be shorter. The
  parity of every block is asked in order; from pass 1 on not of the last block, whose
  difference follows from that of the whole frame.
* Intervals. In each opened pass the places are cut into known intervals, at first the
  blocks. Bisecting ``[a, b)`` asks the parity of ``[a, (a + b) // 2)``; both halves
  become known intervals. An odd interval of one place is an error: Bob flips the bit,
  and the interval that holds it changes parity in every opened pass.
* Few intervals. While all frames of a batch that bisect list together no more
  intervals than `Schedule.crowd[i]` for each 64 frames of the batch, each is cut in
  ``c = 4 << i`` pieces at once (the greatest i counts): at ``a + floor(j (b - a) / c)``
  for 0 < j < c. The parities of all pieces but the last are asked, empty ones left out.
  The first odd piece keeps the interval's rank; others are listed at the end.
* The list. A frame lists odd intervals as they come and bisects all of its list in
  every round. First come the blocks of a pass, in order. Half an interval that is odd
  keeps its rank. Errors are corrected when the round's list is done, in the order of
  the list; one that has become even by then is none. Each makes the interval around it
  change in the other passes, in order of pass: what becomes odd is listed at the end,
  what is even before the next round is dropped, and of what is there twice, the later.
  The list has room for as many intervals as the largest number of blocks of a pass;
  what finds no room is listed in order of place, lowest pass first, when the list is
  empty. So is what finds no room then.
* Order of events. A frame with no more than `Schedule.few` intervals listed opens its
  next pass. Behind the last pass, with nothing listed, it asks its checks, once: the
  parities of public random subsets of the frame (`public_subsets`), which every error
  found later keeps up to date. While one is odd, the first such is searched by halves
  of the range of positions ``[0, L)``, until an error is found; the intervals around it
  come first, then the next search. With no odd check left the frame is done.
* Parities are those of the current strings: Alice's never changes.

Bisecting known intervals instead of whole blocks re-uses every parity asked before
(sub-block reuse; Martinez-Mateo et al., arXiv:1407.3257 [mem]); random subsets at the
end are those of BICONF (Brassard and Salvail 1993 [mem]).
"""

from __future__ import annotations

from qkdlab.distill.cascade.frames import CascadeFrames
from qkdlab.distill.cascade.half import CascadeHalf
from qkdlab.distill.cascade.schedule import (
    Pace,
    Schedule,
    frame_length,
    public_order,
    public_subsets,
    schedule,
)

__all__ = [
    "CascadeFrames",
    "CascadeHalf",
    "Pace",
    "Schedule",
    "frame_length",
    "public_order",
    "public_subsets",
    "schedule",
]
