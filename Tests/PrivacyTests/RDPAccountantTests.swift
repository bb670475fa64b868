import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Rényi accountant")
struct RDPAccountantTests {
  @Test("one subsampled step agrees with 40-digit values", arguments: Golden.cases("rdp"))
  func singleStep(golden: GoldenCase) throws {
    let order = golden.input("alpha")
    let event = PrivacyEvent.poissonSampled(
      sampleRate: golden.input("q"), event: .gaussian(noiseMultiplier: golden.input("sigma")))
    let curve = try RDPAccountant(orders: [order]).curve(of: event)
    #expect(golden.agrees(curve.divergences[0], with: "rdp"), "\(curve.divergences[0])")
  }

  @Test("integer orders by series and by quadrature are the same function")
  func seriesMeetsQuadrature() throws {
    // A fractional neighbour 1e-9 away goes through the integral instead of the sum.
    for (rate, multiplier) in [(0.004, 1.0), (0.1, 0.7), (0.5, 3), (1e-6, 2), (0.01, 0.3)] {
      let event = PrivacyEvent.trainingSteps(
        sampleRate: rate, noiseMultiplier: multiplier, count: 1)
      for order in [2.0, 5, 17, 40] {
        let curve = try RDPAccountant(orders: [order - 1e-9, order, order + 1e-9])
          .curve(of: event).divergences
        #expect(isClose((curve[0] + curve[2]) / 2, curve[1], relative: 1e-8), "\(event) \(order)")
      }
    }
  }

  @Test("the convexity bound for minute noise lies above and close to the sum")
  func minuteNoise() throws {
    let event = PrivacyEvent.trainingSteps(sampleRate: 0.01, noiseMultiplier: 0.015, count: 1)
    let curve = try RDPAccountant(orders: [2, 2.000_000_1]).curve(of: event).divergences
    #expect(curve[1] >= curve[0])
    #expect(isClose(curve[1], curve[0], relative: 0.01))
  }

  @Test("curves become epsilons as published", arguments: Golden.cases("rdp_to_eps"))
  func conversion(golden: GoldenCase) throws {
    let orders = golden.inputs["orders"]?.numbers ?? []
    let divergences =
      golden.inputs["rdp"]?.numbers ?? orders.map { $0 * golden.input("rho") }
    let curve = RDPCurve(orders: orders, divergences: divergences)
    for conversion in RDPConversion.allCases {
      let bound = curve.bound(delta: golden.input("delta"), conversion: conversion)
      let name = "eps_rdp_\(conversion.rawValue)"
      #expect(golden.agrees(bound.epsilon, with: name), "\(name) \(bound.epsilon)")
      if let order = golden.outputs[name]?["order"]?.number, bound.epsilon > 0 {
        #expect(bound.order == order)
      }
    }
  }

  static let compositions =
    Golden.cases("dpsgd_eps") + Golden.cases("hetero_eps") + Golden.cases("edge")
    + Golden.cases("individual") + Golden.cases("selection") + Golden.cases("gaussian_exact")

  @Test("compositions agree with the reference on its own grids", arguments: compositions)
  func composition(golden: GoldenCase) throws {
    for (name, accountant) in Golden.renyiOutputs(of: golden) {
      let bound = try accountant.bound(for: golden.event(), delta: golden.input("delta"))
      #expect(golden.agrees(bound.epsilon, with: name), "\(name) \(bound.epsilon)")
    }
  }

  @Test("degenerate events", arguments: Golden.cases("edge").filter { $0.outputs["eps"] != nil })
  func degenerate(golden: GoldenCase) throws {
    let epsilon = try RDPAccountant().epsilon(of: golden.event(), delta: golden.input("delta"))
    #expect(epsilon == golden.value("eps"))
  }

  @Test("a best order at the end of the grid is reported, one inside is not")
  func gridEnds() throws {
    let event = PrivacyEvent.trainingSteps(sampleRate: 0.01, noiseMultiplier: 1, count: 1000)
    func warnings(_ orders: [Double]) throws -> [String] {
      try RDPAccountant(orders: orders).bound(for: event, delta: 1e-5).warnings
    }
    #expect(try warnings([2, 4, 8, 16]).isEmpty)
    #expect(try warnings([16, 32]).first?.contains("lowest") == true)
    #expect(try warnings([2, 3]).first?.contains("highest") == true)
  }

  @Test("the improved conversion is never looser than the classic one")
  func conversionOrder() throws {
    for sigma in [0.4, 0.8, 2, 9] {
      let event = PrivacyEvent.trainingSteps(sampleRate: 0.02, noiseMultiplier: sigma, count: 700)
      for delta in [1e-3, 1e-6, 1e-10] {
        let improved = try RDPAccountant().epsilon(of: event, delta: delta)
        let classic = try RDPAccountant(conversion: .classic).epsilon(of: event, delta: delta)
        #expect(improved <= classic)
      }
    }
  }
}
