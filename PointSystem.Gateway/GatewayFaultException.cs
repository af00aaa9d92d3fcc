namespace PointSystem.Gateway;

/// <summary>The gateway cannot start as it is configured. The message is one sentence for the person who configures it.</summary>
internal sealed class GatewayFaultException(string message) : Exception(message);
