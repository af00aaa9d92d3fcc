using System.Security.Claims;

namespace PointSystem.Api.Http;

/// <summary>Who sends a request, for what is counted or stored by caller: a short text that is the same for every token of the same caller.</summary>
internal static class Callers
{
    /// <summary>The claim with the caller, at most 22 characters.</summary>
    public const string Claim = "caller";

    /// <summary>Everybody without a token, where none is needed.</summary>
    public const string Anonymous = "anonymous";

    public static string Caller(this ClaimsPrincipal user) => user.FindFirst(Claim)?.Value ?? Anonymous;
}
