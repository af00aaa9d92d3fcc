namespace PointSystem.Local.Sidecar;

/// <summary>A component could not be created; fatal unless its <c>spec.ignoreErrors</c> is true.</summary>
internal sealed class ComponentInitException(string message, Exception? inner = null) : Exception(message, inner);
