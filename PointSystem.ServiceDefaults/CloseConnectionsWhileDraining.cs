using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// While this process drains, each answer is the last on its connection. A caller that kept the connection would send its next
/// request while it closes, and not know whether it was carried out; a caller that has to connect again is served, or refused before
/// it has sent anything.
/// </summary>
internal sealed class CloseConnectionsWhileDraining : IStartupFilter
{
    private readonly CancellationToken _stopping;

    // Kept, so that a request costs no object.
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
                // Asked when the answer starts: the end may have come after the request.
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
