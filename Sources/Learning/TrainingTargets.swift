// The hosts that an adapter's target modules name.

extension TrainingPlan {
  /// The hosts that an adapter is on; layers that are trained whole have none.
  static func adapted(
    by adapter: any Adapter, _ targets: [String: Int], in architecture: Architecture
  ) -> [AdaptedHost] {
    architecture.layers.filter { !isSaved($0, adapter) }.flatMap { layer in
      layer.hosts.compactMap { host in
        targets[host.name].map { AdaptedHost(host, target: $0) }
      }
    }
  }

  static func isSaved(_ layer: any LayerSpec, _ adapter: any Adapter) -> Bool {
    adapter.modulesToSave.contains(layer.name)
  }

  /// The target module of every adapted host: the one with its full name, else the first that is its last part.
  static func targets(
    of adapter: any Adapter, in architecture: Architecture
  ) throws(ArchitectureError) -> [String: Int] {
    let hosts = architecture.hosts
    var found: [String: Int] = [:]
    var used = Set<Int>()
    for host in hosts {
      let modules = adapter.targetModules
      guard
        let target = modules.firstIndex(of: host.name)
          ?? modules.firstIndex(where: { host.name.hasSuffix(".\($0)") })
      else { continue }
      found[host.name] = target
      used.insert(target)
    }
    if let unknown = adapter.targetModules.indices.first(where: { !used.contains($0) }) {
      throw ArchitectureError(
        description: "adapter.target_modules: \"\(adapter.targetModules[unknown])\" is not a layer "
          + "of \(architecture.name); its layers are \(listed(hosts.map(\.name)))")
    }
    let layers = architecture.layers.map(\.name)
    if let unknown = adapter.modulesToSave.first(where: { !layers.contains($0) }) {
      throw ArchitectureError(
        description: "adapter.modules_to_save: \"\(unknown)\" is not a layer of "
          + "\(architecture.name); its layers are \(listed(layers))")
    }
    return found
  }

  private static func listed(_ names: [String]) -> String {
    names.count <= 20
      ? names.joined(separator: ", ")
      : names.prefix(8).joined(separator: ", ") + ", ... "
        + names.suffix(4).joined(separator: ", ")
  }
}
