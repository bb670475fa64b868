// Clients that take the examples of chosen groups alone, such as one domain of a collection of texts.

extension PartitionRequest {
  /// The clients by the groups that they take, nil standing for all; one pool without groups is the usual case.
  ///
  /// Pools share no example, so that each can be dealt by itself.
  ///
  /// - Throws: `invalidRequest` for groups that the data set does not have, and for pools that overlap.
  func pools(of dataset: Dataset) throws(DatasetError) -> [(groups: Set<Int>?, members: [Int])] {
    var pools: [(groups: Set<Int>?, members: [Int])] = []
    for (index, client) in clients.enumerated() {
      let groups = client.groups.map { Set($0) }
      if let groups, groups.isEmpty || !groups.allSatisfy(dataset.groupNames.indices.contains) {
        throw DatasetError(
          .invalidRequest, at: "partition.clients[\(index)].groups",
          "is not a choice among the \(dataset.groupNames.count) groups of \(dataset.name)",
          fix: "use a data set with a group column, and its groups")
      }
      if let pool = pools.firstIndex(where: { $0.groups == groups }) {
        pools[pool].members.append(index)
      } else {
        pools.append((groups, [index]))
      }
    }
    let chosen = pools.compactMap(\.groups)
    let isDisjoint =
      chosen.reduce(0) { $0 + $1.count } == chosen.reduce(into: Set()) { $0.formUnion($1) }.count
    guard pools.count == 1 || (chosen.count == pools.count && isDisjoint) else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters", "choose groups that overlap",
        fix: "give each cluster groups of its own, or several clusters the same ones")
    }
    return pools
  }

  /// Makes sure that the groups of a pool can serve its clients.
  ///
  /// - Throws: `tooFew` with the numbers.
  func check(
    _ members: [Int], _ groups: Set<Int>?, _ train: [Int], _ test: [Int], _ dataset: Dataset
  ) throws(DatasetError) {
    guard let groups else { return }
    let names = groups.sorted().map { dataset.groupNames[$0] }.joined(separator: ", ")
    let wanted = members.map { clients[$0].trainExamples }
    try Self.check(
      overlap ? wanted.max() ?? 0 : wanted.reduce(0, +), train.reduce(0, +),
      "training examples of \(names)", "use fewer or smaller clients, or more groups")
    try Self.check(
      testExamplesPerClient, test.reduce(0, +), "test examples of \(names) for each client",
      "use fewer of them")
  }
}

extension LabelPools {
  /// The pools of the examples of some groups; nil keeps all.
  func from(_ groups: Set<Int>?, _ examples: Examples) -> LabelPools {
    guard let groups, let owners = examples.groups else { return self }
    return keeping { groups.contains(Int(owners[$0])) }
  }
}
