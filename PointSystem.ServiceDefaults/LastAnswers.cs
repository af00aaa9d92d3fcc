using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// While this process drains, each answer is the last on its connection. A caller who kept the connection would send his next request into its closing, and
/// not know whether it was carried out; a caller who has to connect anew is served, or refused before he has sent anything.
/// </summary>
internal sealed class LastAnswers(IHostApplicationLifetime lifetime) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        var stopping = lifetime.ApplicationStopping;
        app.Use((http, following) =>
        {
            // A request that began before the end was known is answered after it.
            if (HttpProtocol.IsHttp11(http.Request.Protocol))
            {
                http.Response.OnStarting(
                    static state =>
                    {
                        var (response, stopping) = ((HttpResponse, CancellationToken))state;
                        if (stopping.IsCancellationRequested)
                        {
                            response.Headers.Connection = "close";
                        }
                        return Task.CompletedTask;
                    },
                    (http.Response, stopping));
            }
            return following(http);
        });
        next(app);
    };
}
