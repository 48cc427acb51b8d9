// The attention weights of the heads of a layer, and what they say; where a text breaks into lines.
//
// Knows nothing of the screen. Places and heads count from 0.

class LookingWeights {
  /** From the lower triangles of all heads, one after the other, row by row, in base64. */
  constructor({ weights, steps, most, characters }) {
    const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
    this.numbers = new Uint16Array(bytes.buffer); // low byte first, as browsers' machines have it
    this.steps = steps;
    this.most = most; // for each head and character: what it looks at most, before any rounding
    this.T = characters.length;
  }

  /** How much the character at `from` takes from that at `to`, no later one: from 0 to 1. */
  share(head, from, to) {
    const before = head * ((this.T * (this.T + 1)) / 2) + (from * (from + 1)) / 2;
    return this.numbers[before + to] / this.steps;
  }

  /** Which character the one at `from` takes most from, by this head, and how much. */
  mostLookedAt(head, from) {
    const most = this.most[head][from];
    return [most, this.share(head, from, most)];
  }

  /** Which later character takes most from the one at `to`, by which of the heads, how much. */
  mostTakenBy(to, heads) {
    let best = [undefined, undefined, -1];
    for (let from = to + 1; from < this.T; from++) {
      for (const head of heads) {
        const share = this.share(head, from, to);
        if (share > best[2]) best = [from, head, share];
      }
    }
    return best;
  }
}

/** Where each line begins and ends: at line ends, and else between words where that can be. */
function linesOf(characters, n) {
  const lines = [];
  for (let from = 0; from < characters.length; ) {
    let to = Math.min(from + n, characters.length);
    const end = characters.indexOf("\n", from);
    if (end >= 0 && end < to) to = end + 1;
    else if (to < characters.length) {
      const space = characters.lastIndexOf(" ", to - 1);
      if (space > to - Math.min(14, n / 2)) to = space + 1;
    }
    lines.push([from, to]);
    from = to;
  }
  return lines;
}

/** A share as the rest of the page says it. */
function percent(share) {
  if (share > 0 && share < 0.0005) return "under 0.1 %";
  return `${(100 * share).toFixed(share >= 0.0995 ? 0 : 1)} %`;
}
