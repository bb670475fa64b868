// Where the tests of this room find the shipped scenarios.

import Foundation

/// The folder of the package, found through this file even where the sources are linked from elsewhere.
let packageFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

func shippedScenario(_ name: String) -> URL {
  packageFolder.appendingPathComponent("scenarios").appendingPathComponent(name)
}
