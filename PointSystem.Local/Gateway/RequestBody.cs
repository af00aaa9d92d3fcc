namespace PointSystem.Local.Gateway;

/// <summary>The body read whole before anything is forwarded, so that it can be sent again, and so that a slow client holds no replica.</summary>
internal static class RequestBody
{
    /// <summary>In bytes. The API's requests are far smaller.</summary>
    public const int Largest = 1024 * 1024;

    /// <summary>Null when there is no body.</summary>
    /// <exception cref="BadHttpRequestException">It is too large, ends early or is framed wrongly.</exception>
    public static async Task<byte[]?> ReadAsync(HttpContext context)
    {
        var length = context.Request.ContentLength;
        if (length == 0 || (length is null && !context.Request.Headers.ContainsKey("Transfer-Encoding")))
        {
            return null;
        }
        using var buffer = new MemoryStream(length is > 0 and <= Largest ? (int)length : 0);
        await context.Request.Body.CopyToAsync(buffer, context.RequestAborted);
        return buffer.ToArray();
    }
}
