using System.Buffers;

namespace PointSystem.Gateway;

/// <summary>
/// Reads the whole body before anything is forwarded, so that it can be sent again and a slow client does not occupy a replica.
/// </summary>
internal static class RequestBody
{
    private const int ChunkSize = 16 * 1024;

    /// <summary>Maximum body in bytes: the API's own limit. A larger body is read to its end and refused here.</summary>
    public const int Largest = 64 * 1024;

    /// <summary>
    /// In bytes. A body between <see cref="Largest"/> and this is read to its end and discarded: a response to a caller that is still sending
    /// is lost when the system resets the connection because of unread data.
    /// </summary>
    public const int LargestDiscarded = 128 * Largest;

    /// <summary>Returns null if there is no body.</summary>
    /// <exception cref="IOException">It is too large, ends early or is framed wrongly; mostly a <see cref="BadHttpRequestException"/>.</exception>
    public static async Task<byte[]?> ReadAsync(HttpContext context)
    {
        var length = context.Request.ContentLength;
        if (length == 0 || (length is null && !context.Request.Headers.ContainsKey("Transfer-Encoding")))
        {
            return null;
        }
        using var buffer = new MemoryStream(length is > 0 and <= Largest ? (int)length : 0);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            var isTooLarge = false;
            for (int read; (read = await context.Request.Body.ReadAsync(chunk, context.RequestAborted)) > 0;)
            {
                isTooLarge |= buffer.Length + read > Largest;
                if (!isTooLarge)
                {
                    buffer.Write(chunk, 0, read);
                }
            }
            return isTooLarge ? throw new BadHttpRequestException("The body is too large.", StatusCodes.Status413PayloadTooLarge) : buffer.ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
