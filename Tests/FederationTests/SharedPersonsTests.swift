// Persons with rows at several clients: on one side of the split everywhere.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

@Suite("Persons at several clients")
struct SharedPersonsTests {
  /// A table whose only number tells the person; `clients` of a person by its number.
  private func population(
    persons: Int, clients: (Int) -> [Int]
  ) throws -> Federation.Population {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let rows = (0..<persons).flatMap { person in
      clients(person).map { "p\(person),c\($0),\(person),\(person % 2)\n" }
    }
    try Data(("who,client,x,y\n" + rows.joined()).utf8).write(to: file)
    let scenario = try Scenario(
      json: Data(
        """
        {"name": "persons", "rounds": 2,
         "data": {"name": "csv", "path": "\(file.path)", "label_column": "y", "classes": [0, 1],
                  "client_column": "client", "id_column": "who",
                  "columns": [{"column": "x", "kind": "numeric", "min": 0, "max": \(persons)}]},
         "population": {}, "model": {"name": "logistic"},
         "local": {"batch_size": 20, "learning_rate": 0.5},
         "privacy": {"target_epsilon": 6, "target_delta": 1e-3}, "method": {"name": "global"}}
        """.utf8)
    ).askingItsTable(DatasetCatalog())
    return try Federation.Population(scenario: scenario, catalog: DatasetCatalog())
  }

  private func people(_ view: ClientView, width: Int) -> [Float] {
    var values = [Float](repeating: 0, count: width)
    return (0..<view.count).map { position in
      var span = values.mutableSpan
      view.write(position, into: &span)
      return values[0]
    }
  }

  /// Who is where.
  enum Homes: CaseIterable, Sendable {
    case everybodyAtTwo
    case twoOfThree
    case someAtFour

    func clients(of person: Int) -> [Int] {
      switch self {
      case .everybodyAtTwo: [0, 1]
      case .twoOfThree: [person % 3, (person + 1) % 3]
      case .someAtFour: person % 5 == 0 ? [0, 1, 2, 3] : [person % 4]
      }
    }
  }

  @Test(
    "nobody is trained on at one client and tested on at another", arguments: Homes.allCases)
  func split(_ homes: Homes) throws {
    let population = try population(persons: 240, clients: homes.clients)
    let width = population.dataset.shape.valueCount
    var trained: Set<Float> = []
    var tested: Set<Float> = []
    for client in population.clients {
      trained.formUnion(people(client.train, width: width))
      tested.formUnion(people(client.test, width: width))
      // About a fifth, whoever decided first.
      let share = Double(client.test.count) / Double(client.test.count + client.train.count)
      #expect(share > 0.1 && share < 0.35)
    }
    #expect(trained.isDisjoint(with: tested))
    #expect(trained.count + tested.count == 240)
    let shared = try #require(population.dataset.sharedPersons)
    #expect(shared.all == trained.count && shared.shared > 0)
  }

  @Test("where everybody has one client there is nobody to tell of")
  func apart() throws {
    let population = try population(persons: 60) { [$0 % 3] }
    #expect(population.dataset.sharedPersons == nil)
  }
}
