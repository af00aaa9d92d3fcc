using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Headers of every answer that tell browsers to do nothing with it but what it is for. Set when the answer starts, so that a forwarded one
/// has each of them once, and an error answer has them too.
/// </summary>
internal sealed class SecurityHeaders : IStartupFilter
{
    // A year. Only over TLS; behind an ingress that ends TLS, the ingress sends it.
    private const string OnlyTls = "max-age=31536000";

    // For data: nothing may be loaded or run, whatever a browser takes it for. A page sets its own.
    private const string NoContent = "default-src 'none'; frame-ancestors 'none'";

    // Cached, so that a request allocates nothing.
    private static readonly Func<object, Task> OnStarting = Set;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(static (http, following) =>
        {
            http.Response.OnStarting(OnStarting, http);
            return following(http);
        });
        next(app);
    };

    private static Task Set(object state)
    {
        var http = (HttpContext)state;
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (headers.ContentSecurityPolicy.Count == 0)
        {
            headers.ContentSecurityPolicy = NoContent;
        }

        // A developer's browser would remember it for every other program on localhost.
        if (http.Request.IsHttps && http.Request.Host.Host is not "localhost")
        {
            headers.StrictTransportSecurity = OnlyTls;
        }

        return Task.CompletedTask;
    }
}
