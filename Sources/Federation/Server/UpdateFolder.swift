// Folds updates as they come: an exact sum for each model, so that a round holds what its lanes work on and
// not what all its clients have sent.

/// The sums of the updates to every model, in whatever order they came.
package struct UpdateFolder: Sendable {
  private var sums: [Int: FixedPointSum] = [:]
  /// Of the client with the smallest number whose update cannot be added, so that the same one is named
  /// however the clients were shared.
  private var refusal: (client: Int, error: FederationError)?

  package init() {}

  /// Adds a client's update to its model. An update that cannot be added is told by `finish`.
  package mutating func add(_ delta: [Float], model: Int, client: Int) {
    var sum = sums[model] ?? FixedPointSum(length: delta.count)
    // Taken out, or adding would copy it.
    sums[model] = nil
    do throws(FederationError) { try sum.add(delta, client: client) } catch {
      refuse(client, error)
    }
    sums[model] = sum
  }

  /// Adds what another folder holds.
  package mutating func merge(_ other: UpdateFolder) {
    for (model, theirs) in other.sums {
      guard var sum = sums[model] else {
        sums[model] = theirs
        continue
      }
      sums[model] = nil
      do throws(FederationError) { try sum.merge(theirs) } catch { refuse(Int.max, error) }
      sums[model] = sum
    }
    if let refusal = other.refusal { refuse(refusal.client, refusal.error) }
  }

  private mutating func refuse(_ client: Int, _ error: FederationError) {
    if client < refusal?.client ?? .max || refusal == nil { refusal = (client, error) }
  }

  // MARK: - Among ranks

  /// What stands beside the sums, by ascending model.
  var heads: [(model: Int, head: FixedPointSum.Head)] {
    sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value.head) }
  }

  var failure: RankFailure? { refusal.map { RankFailure(client: $0.client, error: $0.error) } }

  /// The integers of a model's sum; zeros if nobody has sent anything for it.
  func totals(of model: Int, length: Int) -> [Int64] {
    sums[model]?.totals ?? [Int64](repeating: 0, count: length)
  }

  /// Sets the sum of a model to what all ranks have.
  mutating func set(_ head: FixedPointSum.Head, totals: [Int64], of model: Int) {
    do throws(FederationError) { sums[model] = try FixedPointSum(head, totals: totals) } catch {
      refuse(head.client, error)
    }
  }

  /// The mean update to every model that was trained, by model.
  ///
  /// - Throws: `FederationError.updateOutOfRange`.
  package func finish() throws(FederationError) -> [Int: [Float]] {
    if let refusal { throw refusal.error }
    return sums.compactMapValues(\.mean)
  }
}
