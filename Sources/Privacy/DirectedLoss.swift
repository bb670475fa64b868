// One direction of a composed privacy loss: its moments, its saddle point, and the window that holds it.
//
// Tilting every factor by e^{θ·loss} before the transform and undoing it afterwards moves the rounding noise
// of the transform to where it does not matter: the tilted law is centred on the losses that decide δ.

import Kernels

/// Independent losses on one grid, each repeated `count` times.
struct DirectedLoss {
  var parts: [(distribution: PrivacyLossDistribution, count: Int)]
  let step: Double

  var infinite: Double {
    let logFinite = parts.reduce(0) {
      $0 + Double($1.count) * Elementary.log(onePlus: -$1.distribution.infinite)
    }
    return -Elementary.expMinusOne(logFinite)
  }

  /// ln E[e^{λ·loss}] of the sum, over its finite part.
  func logMoment(_ lambda: Double) -> Double {
    parts.reduce(0) { $0 + Double($1.count) * $1.distribution.logMoment(lambda) }
  }

  /// The largest and smallest finite loss, in steps.
  var support: (first: Double, last: Double) {
    parts.reduce((0, 0)) {
      (
        $0.0 + Double($1.count) * Double($1.distribution.first),
        $0.1 + Double($1.count) * Double($1.distribution.last)
      )
    }
  }

  /// Whether each part's law is whole.
  var isWhole: Bool { parts.allSatisfy { $0.distribution.isWhole } }

  /// The mean of the law tilted by θ, in steps.
  func mean(tilt theta: Double) -> Double {
    parts.reduce(0) { sum, part in
      var mean = 0.0
      part.distribution.tilted(by: theta, logMoment: part.distribution.logMoment(theta)) {
        mean += Double($0) * $1
      }
      return sum + Double(part.count) * mean
    }
  }

  /// The θ > 0 that makes Chernoff's bound on the loss at tail mass δ best: the saddle point, also the best
  /// Rényi order less one. Within a factor of two of it any value serves as well.
  func saddlePoint(delta: Double, guess: Double) -> Double {
    let margin = -Elementary.log(delta)
    return minimizer(near: guess, refinements: 8) { theta in
      (logMoment(theta) + margin) / theta
    }
  }

  /// Grid indices outside which the law tilted by θ has at most mass 2e^{−margin}, and the untilted mass
  /// above the window.
  func window(tilt theta: Double, margin: Double, guess: Double) -> LossWindow {
    let base = logMoment(theta)
    func reach(_ sign: Double) -> Double {
      var best = Double.infinity
      _ = minimizer(near: guess, refinements: 5) { lambda in
        let bound = (logMoment(theta + sign * lambda) - base + margin) / lambda
        if bound.isFinite { best = min(best, bound) }
        return bound
      }
      return best / step
    }
    let (lowest, highest) = support
    let up = reach(1).rounded(.up)
    let down = (-reach(-1)).rounded(.down)
    let first = max(lowest, down)
    let last = max(first, min(highest, up))
    let above = last < highest ? Elementary.exp(base - theta * last * step - margin) : 0
    return LossWindow(tilt: theta, logMoment: base, first: first, last: last, massAbove: above)
  }
}

struct LossWindow {
  var tilt: Double
  var logMoment: Double
  /// In steps of the grid; doubles, because an untried window can be astronomically wide.
  var first: Double
  var last: Double
  var massAbove: Double

  /// Whether it lies about the mass that it is to hold; not where numbers ran out of range.
  func holds(mean: Double) -> Bool { first - 1 <= mean && mean <= last + 1 }
}

/// Minimises a quasi-convex function of a positive number: walks downhill by factors of four from the guess
/// until the function rises, then golden-section steps on the logarithmic scale. Every point of the functions
/// searched here gives a valid bound, so a search that stops early costs tightness only.
private func minimizer(
  near guess: Double, refinements: Int, _ function: (Double) -> Double
) -> Double {
  let pace = Elementary.log(4)
  var center = (position: Elementary.log(guess), value: function(guess))
  var left = (position: center.position - pace, value: function(guess / 4))
  var right = (position: center.position + pace, value: function(guess * 4))
  // To the left the function rises without end. To the right it may be flat: rare large losses end at a
  // largest one, which a guess for the many small ones is far beyond.
  while left.value <= center.value || !center.value.isFinite, left.position > -600 {
    (right, center) = (center, left)
    left.position = center.position - pace
    left.value = function(Elementary.exp(left.position))
  }
  // Bounded losses have no minimum, only a limit; going on for less than a thousandth leads nowhere.
  while center.value - right.value > 1e-3 * abs(center.value), right.position < 600 {
    (left, center) = (center, right)
    right.position = center.position + pace
    right.value = function(Elementary.exp(right.position))
  }
  for _ in 0..<refinements {
    // The golden section of the wider side.
    let isRight = right.position - center.position > center.position - left.position
    let outer = isRight ? right.position : left.position
    let position = center.position + 0.381_966 * (outer - center.position)
    let probe = (position: position, value: function(Elementary.exp(position)))
    if probe.value < center.value {
      if isRight { left = center } else { right = center }
      center = probe
    } else if isRight {
      right = probe
    } else {
      left = probe
    }
  }
  return Elementary.exp(center.position)
}
