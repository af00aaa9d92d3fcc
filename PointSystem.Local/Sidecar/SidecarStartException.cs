namespace PointSystem.Local.Sidecar;

/// <summary>Something that keeps the sidecar from starting; the message is one sentence for the person at the terminal.</summary>
internal sealed class SidecarStartException(string message, Exception? inner = null) : Exception(message, inner);
