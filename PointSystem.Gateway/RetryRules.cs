namespace PointSystem.Gateway;

/// <summary>Which requests may be sent a second time without doing anything twice.</summary>
internal static class RetryRules
{
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Reads, and writes that the API recognises by their key, even if the first attempt has been carried out.</summary>
    public static bool IsRepeatable(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)
        || (HttpMethods.IsPost(request.Method) && !string.IsNullOrWhiteSpace(request.Headers[IdempotencyKey]));

    /// <summary>No connection came about, so the replica has not seen a byte of the request.</summary>
    public static bool NothingWasSent(Exception? failure) => failure is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };
}
