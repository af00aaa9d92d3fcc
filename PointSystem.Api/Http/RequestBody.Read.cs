using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace PointSystem.Api.Http;

internal sealed partial class RequestBody
{
    /// <summary>Maximum length of a body in bytes, without the frames of its chunks.</summary>
    public const int BytesMax = 64 * 1024;

    /// <summary>
    /// Kestrel's limit in bytes, which counts frames: a body in chunks of one byte has five more for each. What a handler has not read is
    /// read up to here and discarded; beyond, Kestrel closes the connection without announcing it in the answer.
    /// </summary>
    public const int WireBytesMax = 8 * BytesMax;

    /// <summary>Reads the body.</summary>
    /// <param name="http">The request.</param>
    /// <param name="optional">Whether a missing body, or null, counts as an empty object.</param>
    /// <exception cref="RequestRefusedException">
    /// The content type is not JSON, the body is not a JSON object, or it is too large.
    /// </exception>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext http, bool optional = false)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false)
        {
            return Empty(optional);
        }

        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await ReadSomeAsync(reader, http.RequestAborted);
            var buffer = read.Buffer;

            // A refused body is consumed as well: Kestrel closes a connection with unread data without announcing it in the answer, and
            // the next request on that connection (the gateway's, for another caller) would be lost.
            var consumed = buffer.End;
            try
            {
                // A chunked body may be empty, and an empty body needs no content type. A body of another type is not read any further.
                if (!buffer.IsEmpty && !IsJson(http.Request))
                {
                    throw new RequestRefusedException(Problems.UnsupportedMediaType());
                }

                if (buffer.Length > BytesMax)
                {
                    throw new RequestRefusedException(Problems.RequestTooLarge());
                }

                if (read.IsCompleted)
                {
                    var json = buffer.IsSingleSegment ? buffer.FirstSpan : buffer.ToArray();

                    // Generated clients send null for an omitted optional body.
                    return json.IsEmpty || (optional && json.SequenceEqual("null"u8)) ? Empty(optional) : new RequestBody(JsonFields.Parse(json));
                }

                consumed = buffer.Start;
            }
            finally
            {
                reader.AdvanceTo(consumed, buffer.End);
            }
        }
    }

    private static async ValueTask<System.IO.Pipelines.ReadResult> ReadSomeAsync(System.IO.Pipelines.PipeReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken);
        }
        catch (IOException refused)
        {
            // Kestrel's own limits: too large, too slow, invalid chunks. The size of a chunk that is no 32-bit number is an IOException and nothing more.
            throw new RequestRefusedException(
                refused is BadHttpRequestException { StatusCode: not StatusCodes.Status400BadRequest and var status }
                    ? Problems.ForStatus(status)
                    : Problems.InvalidBody("The body ended early or is not framed as its headers say."),
                refused);
        }
    }

    private static RequestBody Empty(bool optional) => optional
        ? new RequestBody([])
        : throw new RequestRefusedException(Problems.InvalidBody("A JSON object is required as the body."));

    private static bool IsJson(HttpRequest request)
    {
        if (!request.HasJsonContentType() || !MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
        {
            return false;
        }

        return !type.Charset.HasValue
            || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase);
    }
}
