// Elementary functions in portable arithmetic: against 60 digits (Golden/elementary.json, made with mpmath 1.3: the
// arguments, then the value as the sum of two doubles), and the same bits wherever these tests run.

import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Elementary functions")
struct ElementaryTests {
  typealias Function = @Sendable (Double) -> Double
  /// Name and bound in units of the last place.
  static let bounds: [(name: String, bound: Double, function: Function)] = [
    ("exp", 0.52, { Elementary.exp($0) }),
    ("exp_minus_one", 1.7, { Elementary.expMinusOne($0) }),
    ("log", 0.55, { Elementary.log($0) }),
    ("log_one_plus", 0.75, { Elementary.log(onePlus: $0) }),
    ("tanh", 3.5, { Elementary.tanh($0) }),
    ("sin", 0.8, { Elementary.sin($0) }),
    ("cos", 0.8, { Elementary.cos($0) }),
    ("erf", 1.7, { Elementary.erf($0) }),
    ("erfc", 3.5, { Elementary.erfc($0) }),
  ]

  private static func golden(_ name: String) throws -> [[Double]] {
    let data = try Data(contentsOf: goldenFile("elementary.json"))
    return try #require(JSONDecoder().decode([String: [[Double]]].self, from: data)[name])
  }

  /// The error of `value` in units of the last place of `high + low`.
  private static func units(_ value: Double, _ high: Double, _ low: Double) -> Double {
    abs((value - high) - low) / high.ulp
  }

  @Test("one argument, within the stated bound", arguments: bounds)
  func accuracy(name: String, bound: Double, function: Function) throws {
    for row in try Self.golden(name) {
      let error = Self.units(function(row[0]), row[1], row[2])
      #expect(error <= bound, "\(name)(\(row[0])): \(error)")
    }
  }

  @Test("two arguments")
  func twoArguments() throws {
    for row in try Self.golden("pow") {
      #expect(Self.units(Elementary.pow(row[0], row[1]), row[2], row[3]) <= 0.7, "\(row)")
    }
    for row in try Self.golden("atan2") {
      #expect(Self.units(Elementary.atan2(y: row[0], x: row[1]), row[2], row[3]) <= 2, "\(row)")
    }
  }

  @Test("the logarithm of the gamma function")
  func logGamma() throws {
    for row in try Self.golden("log_gamma") {
      let error = abs((Elementary.logGamma(row[0]) - row[1]) - row[2])
      #expect(error <= 1e-14 * (row[0] < 3 ? 1 : abs(row[1])), "\(row)")
    }
  }

  @Test("borders")
  func borders() {
    #expect(Elementary.exp(-.infinity) == 0 && Elementary.exp(710) == .infinity)
    #expect(Elementary.exp(-744) == 0x1p-1073)
    #expect(Elementary.expMinusOne(-50) == -1 && Elementary.expMinusOne(1e-20) == 1e-20)
    #expect(Elementary.log(0) == -.infinity && Elementary.log(-1).isNaN && Elementary.log(1) == 0)
    #expect(Elementary.log(.infinity) == .infinity && Elementary.log(.nan).isNaN)
    #expect(Elementary.log(onePlus: -1) == -.infinity && Elementary.log(onePlus: -2).isNaN)
    #expect(isClose(Elementary.log(.leastNonzeroMagnitude), -744.440_071_921_381_3))
    #expect(isClose(Elementary.log(onePlus: .greatestFiniteMagnitude), 709.782_712_893_384))
    #expect(Elementary.tanh(50) == 1 && Elementary.tanh(-50) == -1 && Elementary.tanh(.nan).isNaN)
    #expect(Elementary.sin(.infinity).isNaN && Elementary.cos(0) == 1)
    #expect(Elementary.erf(10) == 1 && Elementary.erfc(40) == 0 && Elementary.erfc(-40) == 2)
    #expect(Elementary.logGamma(1) == 0 && Elementary.logGamma(0) == .infinity)
    #expect(Elementary.pow(0, 2) == 0 && Elementary.pow(5, 0) == 1 && Elementary.pow(2, 10) == 1024)
    #expect(Elementary.atan2(y: 0, x: -1) == .pi && Elementary.atan2(y: -1, x: 0) == -.pi / 2)
  }

  /// FNV-1a over the results' bits.
  @Test("the same bits on every processor")
  func bits() {
    var stream = RandomStream(seed: 21, purpose: .test)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ value: Double) { hash = (hash ^ value.bitPattern) &* 0x100_0000_01B3 }
    for _ in 0..<2000 {
      let (x, y) = (stream.nextUnit() * 20 - 10, stream.nextUnit() * 5)
      for entry in Self.bounds where !entry.name.hasPrefix("log") { add(entry.function(x)) }
      add(Elementary.log(y))
      add(Elementary.log(onePlus: y))
      add(Elementary.logGamma(y))
      add(Elementary.pow(y, x))
      add(Elementary.atan2(y: x, x: y - 2))
      add(stream.nextGaussian())
      add(stream.nextGamma(shape: y))
    }
    var noise = [Float](repeating: 0, count: 999)
    GaussianNoise.add(
      to: &noise, standardDeviation: 1, seed: 1, purpose: .test, round: 2, client: 3, step: 4)
    for value in noise { add(Double(value)) }
    #expect(String(hash, radix: 16) == "73ecb1682e29b122")
  }
}
