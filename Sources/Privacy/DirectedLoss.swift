// One direction of a composed privacy loss: its moments, its saddle point, and the window that holds it.
//
// Tilting every factor by e^{θ·loss} before the transform and undoing it afterwards moves the rounding noise
// of the transform to where it does not matter: the tilted law is centred on the losses that decide δ.

import RealModule

/// Independent losses on one grid, each repeated `count` times.
struct DirectedLoss {
  var parts: [(distribution: PrivacyLossDistribution, count: Int)]
  let step: Double

  var infinite: Double {
    let logFinite = parts.reduce(0) {
      $0 + Double($1.count) * Double.log(onePlus: -$1.distribution.infinite)
    }
    return -Double.expMinusOne(logFinite)
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

  /// The θ > 0 that makes Chernoff's bound on the loss at tail mass δ best: the saddle point, also the best
  /// Rényi order less one. Within a factor of two of it any value serves as well.
  func saddlePoint(delta: Double, guess: Double) -> Double {
    let margin = -Double.log(delta)
    return minimizer(near: guess, span: 30, evaluations: 14) { theta in
      (logMoment(theta) + margin) / theta
    }
  }

  /// Grid indices outside which the law tilted by θ has at most mass 2e^{−margin}, and the untilted mass
  /// above the window.
  func window(tilt theta: Double, margin: Double, guess: Double) -> LossWindow {
    let base = logMoment(theta)
    func reach(_ sign: Double) -> Double {
      var best = Double.infinity
      _ = minimizer(near: guess, span: 30, evaluations: 9) { lambda in
        let bound = (logMoment(theta + sign * lambda) - base + margin) / lambda
        best = min(best, bound)
        return bound
      }
      return best / step
    }
    let (lowest, highest) = support
    let up = reach(1).rounded(.up)
    let down = (-reach(-1)).rounded(.down)
    let first = max(lowest, down)
    let last = max(first, min(highest, up))
    let above = last < highest ? Double.exp(base - theta * last * step - margin) : 0
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
}

/// Golden-section search on a logarithmic scale; the function need only be roughly unimodal, since every
/// point gives a valid bound.
private func minimizer(
  near guess: Double, span: Double, evaluations: Int, _ function: (Double) -> Double
) -> Double {
  let ratio = (5.0.squareRoot() - 1) / 2
  var (low, high) = (Double.log(guess / span), Double.log(guess * span))
  var (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
  var (valueA, valueB) = (function(Double.exp(a)), function(Double.exp(b)))
  for _ in 2..<evaluations {
    if valueA <= valueB {
      (high, b, valueB) = (b, a, valueA)
      a = high - ratio * (high - low)
      valueA = function(Double.exp(a))
    } else {
      (low, a, valueA) = (a, b, valueB)
      b = low + ratio * (high - low)
      valueB = function(Double.exp(b))
    }
  }
  return Double.exp(valueA <= valueB ? a : b)
}
