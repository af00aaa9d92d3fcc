namespace PointSystem.Gateway;

/// <summary>Decides which requests can be repeated without being executed twice.</summary>
internal static class RetryRules
{
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Reads, and writes that the API recognizes by their key even if the first attempt was executed.</summary>
    public static bool IsRepeatable(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)
        || (HttpMethods.IsPost(request.Method) && !string.IsNullOrWhiteSpace(request.Headers[IdempotencyKey]));

    /// <summary>No connection was established, so the replica has received nothing of the request.</summary>
    public static bool NothingWasSent(Exception? failure) => failure is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };
}
