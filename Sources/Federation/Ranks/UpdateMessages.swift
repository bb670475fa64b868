// The updates of a rank's clients as one message to all other ranks.

import Foundation
import Privacy
import Ranks

/// What a rank did of a round.
struct RankReport: Sendable {
  var updates: [ClientUpdate] = []
  /// Sums of the updates that were folded, without the sums themselves.
  var heads: [(model: Int, head: FixedPointSum.Head)] = []
  /// What went wrong, if anything did.
  var failure: RankFailure?
  /// Where somebody asked this rank to stop, with which status; 0 otherwise.
  var stop = 0
}

/// What went wrong on a rank.
struct RankFailure: Sendable {
  /// Whose work it was; the largest number where nobody's.
  var client: Int
  var error: any Error

  /// What is thrown of it on every rank: with its rank, where only a sentence came.
  func thrown(from rank: Int) -> any Error {
    guard case .other(_, let sentence)? = error as? RanksError else { return error }
    return RanksError.other(rank: rank, sentence: sentence)
  }
}

extension FixedPointSum.Head: RankValue {
  func write(to message: inout MessageWriter) {
    message.add(count)
    message.add(magnitude)
    message.add(client)
    message.add(Double(value))
  }

  init(from message: inout MessageReader) throws(RanksError) {
    self.init(
      count: try message.int(), magnitude: try message.uint64(), client: try message.int(),
      value: Float(try message.double()))
  }
}

extension RankReport: RankValue {
  func write(to message: inout MessageWriter) {
    message.add(stop)
    message.add(failure != nil)
    failure?.write(to: &message)
    message.add(heads.count)
    for (model, head) in heads {
      message.add(model)
      head.write(to: &message)
    }
    // Clients of one kind release the same: each release is written once.
    var known: [[UInt8]: Int] = [:]
    var templates: [[UInt8]] = []
    let entries = updates.map { update in
      update.entries.filter { $0.count > 0 }.map { entry in
        let bytes = entry.template
        if let index = known[bytes] { return index }
        known[bytes] = templates.count
        templates.append(bytes)
        return templates.count - 1
      }
    }
    message.add(templates.count)
    for template in templates { message.add(template) }
    message.add(updates.count)
    for (update, entries) in zip(updates, entries) { update.write(to: &message, entries: entries) }
  }

  init(from message: inout MessageReader) throws(RanksError) {
    stop = try message.int()
    failure = try message.bool() ? RankFailure(from: &message) : nil
    for _ in 0..<(try message.count(of: 40)) {
      heads.append((try message.int(), try FixedPointSum.Head(from: &message)))
    }
    var templates: [[UInt8]] = []
    for _ in 0..<(try message.count(of: 8)) { templates.append(try message.byteList()) }
    for _ in 0..<(try message.count(of: 40)) {
      updates.append(try ClientUpdate(from: &message, templates: templates))
    }
  }
}

extension RankFailure: RankValue {
  /// What a run throws is kept as it is; of anything else the sentence remains.
  func write(to message: inout MessageWriter) {
    message.add(client)
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let own = (error as? FederationError).flatMap { try? encoder.encode($0) }
    message.add(own != nil)
    message.add(own.map { [UInt8]($0) } ?? Array("\(error)".utf8.prefix(500)))
  }

  init(from message: inout MessageReader) throws(RanksError) {
    client = try message.int()
    guard try message.bool() else {
      let sentence = String(decoding: try message.byteList().prefix(500), as: UTF8.self)
      error = RanksError.other(rank: 0, sentence: sentence)
      return
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let known = try? decoder.decode(FederationError.self, from: Data(message.byteList()))
    else { throw .malformed }
    error = known
  }
}

extension ClientUpdate {
  /// - Parameter entries: numbers of the templates of its entries.
  fileprivate func write(to message: inout MessageWriter, entries: [Int]) {
    message.add(client)
    message.add(model)
    message.add(norm)
    message.add(steps)
    message.add(meanLoss)
    message.add(bytesUp)
    message.add(bytesDown)
    message.add(thresholds != nil)
    if let thresholds { message.add(thresholds) }
    message.add(posterior ?? [])
    message.add(delta)
    message.add(deltaWithoutNoise != nil)
    if let deltaWithoutNoise { message.add(deltaWithoutNoise) }
    message.add(entries)
  }

  fileprivate init(from message: inout MessageReader, templates: [[UInt8]]) throws(RanksError) {
    let (client, model, norm) = (try message.int(), try message.int(), try message.double())
    let (steps, meanLoss) = (try message.int(), try message.optionalDouble())
    let traffic = (up: try message.int(), down: try message.int())
    let thresholds = try message.bool() ? try message.floats() : nil
    let posterior = try message.doubles()
    let delta = try message.floats()
    let plain = try message.bool() ? try message.floats() : nil
    var entries: [LedgerEntry] = []
    for index in try message.ints() {
      guard templates.indices.contains(index) else { throw .malformed }
      entries.append(try LedgerEntry(template: templates[index], client: client))
    }
    self.init(
      client: client, model: model, delta: delta, norm: norm, deltaWithoutNoise: plain,
      entries: entries, steps: steps, meanLoss: meanLoss, traffic: traffic, thresholds: thresholds,
      posterior: posterior.isEmpty ? nil : posterior)
  }
}

extension LedgerEntry {
  /// Everything but the client, as bytes.
  fileprivate var template: [UInt8] {
    var message = MessageWriter()
    message.add(round)
    message.add(purpose.rawValue)
    message.add(mechanism.rawValue)
    message.add(noiseMultiplier)
    message.add(sampleRate)
    message.add(selectionEpsilon)
    message.add(sensitivity)
    message.add(maxGradNorm)
    message.add(rank ?? -1)
    message.add(dimension ?? -1)
    message.add(thresholdNoiseMultiplier)
    message.add(count)
    return message.bytes
  }

  fileprivate init(template: [UInt8], client: Int) throws(RanksError) {
    var message = MessageReader(template)
    let (round, purpose, mechanism) = (
      try message.int(), try message.text(), try message.text()
    )
    let (multiplier, sampleRate) = (try message.optionalDouble(), try message.double())
    let (epsilon, sensitivity) = (try message.optionalDouble(), try message.double())
    let (norm, rank) = (try message.optionalDouble(), try message.int())
    let dimension = try message.int()
    let (threshold, count) = (try message.optionalDouble(), try message.int())
    do throws(LedgerEntryError) {
      try self.init(
        round: round, client: client, purpose: purpose, mechanism: mechanism,
        noiseMultiplier: multiplier, sampleRate: sampleRate, selectionEpsilon: epsilon,
        sensitivity: sensitivity, maxGradNorm: norm, rank: rank < 0 ? nil : rank,
        dimension: dimension < 0 ? nil : dimension,
        thresholdNoiseMultiplier: threshold, count: count)
    } catch {
      throw .malformed
    }
  }
}

// MARK: - Figures

/// Accuracy and mean loss on test examples.
struct TestFigures: RankValue {
  let accuracy: Double
  let loss: Double

  init(accuracy: Double, loss: Double) {
    self.accuracy = accuracy
    self.loss = loss
  }

  func write(to message: inout MessageWriter) {
    message.add(accuracy)
    message.add(loss)
  }

  init(from message: inout MessageReader) throws(RanksError) {
    (accuracy, loss) = (try message.double(), try message.double())
  }
}

/// The numbers of one client.
struct NumberRow: RankValue {
  let numbers: [Double]

  init(_ numbers: [Double]) { self.numbers = numbers }

  func write(to message: inout MessageWriter) { message.add(numbers) }

  init(from message: inout MessageReader) throws(RanksError) { numbers = try message.doubles() }
}

/// What is known of a client's examples; nothing where they are not followed.
struct FollowedExamples: RankValue {
  let figures: IndividualFigures?

  init(_ figures: IndividualFigures?) { self.figures = figures }

  func write(to message: inout MessageWriter) {
    message.add(figures != nil)
    guard let figures else { return }
    message.add(figures.cluster)
    message.add(figures.labels)
    message.add(figures.epsilons)
    message.add(figures.losses)
  }

  init(from message: inout MessageReader) throws(RanksError) {
    guard try message.bool() else {
      figures = nil
      return
    }
    figures = IndividualFigures(
      cluster: try message.int(), labels: try message.ints(), epsilons: try message.doubles(),
      losses: try message.doubles())
  }
}
