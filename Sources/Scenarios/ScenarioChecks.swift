// The checks that compare one part of a scenario with another; none needs a data file.

import Datasets

extension Scenario {
  /// What must hold before the typed values can be made: a range that runs upwards.
  static func checkRanges(in resolved: JSONValue, _ problems: inout ProblemList) {
    guard case .array(let clusters)? = resolved["population"]?["clusters"] else { return }
    for (index, cluster) in clusters.enumerated() {
      let place = clustersPath + index + "examples_per_client"
      guard let least = cluster["examples_per_client"]?["min"]?.exactInteger,
        let most = cluster["examples_per_client"]?["max"]?.exactInteger, least > most
      else { continue }
      problems.add(place + "max", "must be at least min, which is \(least), got \(most)")
    }
  }

  /// Every other check; all problems are reported.
  func check(_ problems: inout ProblemList) {
    checkData(&problems)
    checkTable(&problems)
    if population.clusters.isEmpty {
      // The rest is checked once the table has said who the clients are.
      if !isOpen {
        problems.add(
          Self.clustersPath,
          "is missing; list the clusters, or name the column of a table that holds the clients in "
            + "data.client_column")
      }
      return
    }
    checkClusters(&problems)
    checkExamples(&problems)
    checkModel(&problems)
    checkAdapter(&problems)
    checkAggregation(&problems)
    checkMethod(&problems)
    checkPrivacy(&problems)
    participation.check(&problems)
  }

  static let clustersPath = JSONPath() + "population" + "clusters"

  // MARK: - Data and population

  private func checkData(_ problems: inout ProblemList) {
    if let available = data.trainExamples, data.publicExamples > available {
      problems.add(
        JSONPath() + "data" + "public_examples",
        "must be at most the \(available) training examples of \(data.name), "
          + "got \(data.publicExamples)")
    }
    if let available = data.testExamples, population.testExamplesPerClient > available {
      problems.add(
        JSONPath() + "population" + "test_examples_per_client",
        "must be at most the \(available) test examples of \(data.name), "
          + "got \(population.testExamplesPerClient)")
    }
    for problem in data.settings.problems(in: self) {
      problems.add(JSONPath(parsing: problem.path[...]) ?? JSONPath() + "data", problem.message)
    }
  }

  private func checkClusters(_ problems: inout ProblemList) {
    let place = Self.clustersPath
    if clientCount > 1_000_000 {
      problems.add(
        place, "all clusters together must have at most 1000000 clients, got \(clientCount)")
    }
    if let cohortSize, cohortSize > clientCount {
      problems.add(
        JSONPath() + "cohort_size",
        "must be at most the number of clients, \(clientCount), got \(cohortSize); "
          + "null takes every client")
    }
    var first: [String: Int] = [:]
    if let index = population.arriving.indices.first, privacy.unit == .client {
      problems.add(
        place + (population.clusters.count + index) + "arrives",
        "pays for its choice of a model by example and privacy.unit is \"client\"; leave it out")
    }
    if let index = population.arriving.indices.first, privacy.randomness == .system,
      arrivingClients.contains(where: { $0.budget.targetEpsilon != nil })
    {
      problems.add(
        place + (population.clusters.count + index) + "arrives",
        "chooses a model once, and a run that is interrupted at its end would choose again with other randomness; use "
          + "privacy.randomness \"seeded\"")
    }
    for (index, cluster) in (population.clusters + population.arriving).enumerated() {
      if let earlier = first[cluster.name] {
        problems.add(
          place + index + "name",
          "\"\(cluster.name)\" is already the name of clusters[\(earlier)]; choose another")
      }
      first[cluster.name] = index
      if let names = cluster.clientNames, names.count != cluster.clients {
        problems.add(
          place + index + "client_names",
          "must have one entry for each of the \(cluster.clients) clients, got \(names.count)")
      }
      if let budgets = cluster.clientBudgets, budgets.count != cluster.clients {
        problems.add(
          place + index + "client_privacy",
          "must have one entry for each of the \(cluster.clients) clients, got \(budgets.count)")
      }
      if case .each(let counts) = cluster.examplesPerClient, counts.count != cluster.clients {
        problems.add(
          place + index + "examples_per_client",
          "must have one entry for each of the \(cluster.clients) clients, got \(counts.count)")
      }
      checkShift(cluster.shift, at: place + index + "shift", &problems)
      if index >= population.clusters.count, cluster.shift.fromRound != nil {
        problems.add(
          place + index + "shift" + "from_round",
          "names a round of training, and these clients come after it with their data shifted; leave it out"
        )
      }
      checkSkew(
        cluster.labelSkew, at: place + index + "label_skew",
        isOwn: cluster.labelSkew != population.labelSkew, &problems)
    }
    checkSkew(
      population.labelSkew, at: JSONPath() + "population" + "label_skew", isOwn: true, &problems)
  }

  private func checkShift(_ shift: Shift, at place: JSONPath, _ problems: inout ProblemList) {
    if let first = shift.fromRound {
      if first > rounds {
        problems.add(
          place + "from_round", "must be at most rounds, which is \(rounds), got \(first)")
      }
      if shift.rotation == 0, shift.labelOffset == 0,
        shift.labelPermutation == nil, shift.featureNoise == 0
      {
        problems.add(
          place + "from_round",
          "says when a shift begins and there is none; add one or leave it out")
      }
    }
    if shift.rotation != 0, !data.isImageSet {
      problems.add(
        place + "rotation",
        "only images can be rotated and \(data.name) has none; use label_offset, "
          + "label_permutation or feature_noise")
    }
    if shift.featureNoise != 0, data.isTextSet {
      problems.add(
        place + "feature_noise",
        "there is no noise between words; leave it out, or use label_permutation")
    }
    if let classes = data.classes, shift.labelOffset >= classes {
      problems.add(
        place + "label_offset",
        "must be below the number of classes, \(classes), got \(shift.labelOffset)")
    }
    switch shift.labelPermutation {
    case .numbers(let numbers)?:
      let classes = data.classes ?? numbers.count
      if numbers.sorted() != Array(0..<classes) {
        problems.add(
          place + "label_permutation",
          "must list each class from 0 to \(classes - 1) once, in the order of the new labels")
      }
    case .names(let names)?:
      let known = data.classNames
      if known.isEmpty ? data.classes != nil : names.sorted() != known.sorted() {
        problems.add(
          place + "label_permutation",
          known.isEmpty
            ? "names classes, but those of \(data.name) have numbers alone; use the numbers"
            : "must list each class once, in the order of the new labels: "
              + known.joined(separator: ", "))
      }
    case nil: break
    }
  }

  private func checkSkew(
    _ skew: LabelSkew?, at place: JSONPath, isOwn: Bool, _ problems: inout ProblemList
  ) {
    guard isOwn, case .shards(let count)? = skew, let classes = data.classes, count > classes else {
      return
    }
    problems.add(
      place + "per_client", "must be at most the number of classes, \(classes), got \(count)")
  }

  /// No seed may ask for more examples than there are, and no batch for more than a client has.
  private func checkExamples(_ problems: inout ProblemList) {
    // With too many public examples nothing is left; that is a problem of its own.
    let available = data.trainExamples.flatMap {
      $0 >= data.publicExamples ? $0 - data.publicExamples : nil
    }
    var total = 0
    var smallest: (count: Int, place: JSONPath)?
    for (index, cluster) in population.clusters.enumerated() {
      let place = Self.clustersPath + index + "examples_per_client"
      let (fewest, most, sum) = cluster.exampleBounds
      total += sum
      if population.overlap, let available, most > available {
        problems.add(place, "must be at most the \(availableText(available)), got \(most)")
      }
      // A quantity skew moves the sizes about; the partition checks what it drew.
      if cluster.quantitySkew == nil, data.table?.format.client == nil,
        fewest < smallest?.count ?? .max
      {
        smallest = (fewest, place)
      }
    }
    if !population.overlap, let available, total > available {
      problems.add(
        Self.clustersPath,
        "the clients need up to \(total) examples but there are only the "
          + "\(availableText(available)); lower examples_per_client or set population.overlap"
      )
    }
    if let smallest, local.batchSize > smallest.count {
      problems.add(
        JSONPath() + "local" + "batch_size",
        "the expected batch cannot exceed the data: must be at most \(smallest.count), the "
          + "smallest \(smallest.place), got \(local.batchSize)")
    }
  }

  private func availableText(_ available: Int) -> String {
    "\(available) training examples of \(data.name)"
      + (data.publicExamples > 0 ? " that are not public" : "")
  }
}

extension Scenario.Cluster {
  /// The fewest and the most examples of one client and the most of all together.
  fileprivate var exampleBounds: (fewest: Int, most: Int, total: Int) {
    switch examplesPerClient {
    case .same(let count): (count, count, count * clients)
    case .each(let counts): (counts.min() ?? 0, counts.max() ?? 0, counts.reduce(0, +))
    case .between(let range): (range.lowerBound, range.upperBound, range.upperBound * clients)
    }
  }
}
