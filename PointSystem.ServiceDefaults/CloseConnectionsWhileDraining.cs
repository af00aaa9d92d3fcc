using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// While this process drains, each answer closes its connection. On a kept connection a caller could send its next request just as it
/// closes, and would not know whether it was carried out. A caller that has to connect again is served, or is refused before it has sent
/// anything.
/// </summary>
internal sealed class CloseConnectionsWhileDraining : IStartupFilter
{
    private readonly CancellationToken _stopping;

    // Cached, so that a request allocates nothing.
    private readonly Func<object, Task> _onStarting;

    public CloseConnectionsWhileDraining(IHostApplicationLifetime lifetime)
    {
        _stopping = lifetime.ApplicationStopping;
        _onStarting = CloseIfStopping;
    }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((http, following) =>
        {
            if (HttpProtocol.IsHttp11(http.Request.Protocol))
            {
                // Checked when the answer starts: the stop may have come after the request.
                http.Response.OnStarting(_onStarting, http.Response);
            }
            return following(http);
        });
        next(app);
    };

    private Task CloseIfStopping(object response)
    {
        if (_stopping.IsCancellationRequested)
        {
            ((HttpResponse)response).Headers.Connection = "close";
        }
        return Task.CompletedTask;
    }
}
