// Whom one ε protects, as sentences say it.

import Datasets
import Privacy
package import Scenarios

/// What may be added or removed while the released results stay nearly the same.
package enum ProtectedUnit: Sendable, Hashable {
  /// One training example of one client.
  case example
  /// One person at each client: of several rows of a person (`data.id_column`) a client trains on one.
  case person
  /// A whole client.
  case client

  package init(of scenario: Scenario) {
    self =
      switch scenario.privacy.unit {
      case .client: .client
      case .example: scenario.data.table?.format.person == nil ? .example : .person
      }
  }

  /// After "each".
  package var each: String {
    switch self {
    case .example: "training example of a client"
    case .person: "person at each client"
    case .client: "client with all its examples"
    }
  }

  /// Such as "one person at one client".
  package var one: String {
    switch self {
    case .example: "one example of one client"
    case .person: "one person at one client"
    case .client: "one whole client with all its examples"
    }
  }

  /// After "whether one given".
  package var word: String {
    switch self {
    case .example: "example"
    case .person: "person"
    case .client: "client"
    }
  }
}
